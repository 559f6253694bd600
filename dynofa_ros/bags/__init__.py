"""Rosbag2 recordings without ROS: what is in a bag, when each message is due, and writing one."""
