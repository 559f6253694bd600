"""Read, schedule and write rosbag2 recordings, without ROS."""
