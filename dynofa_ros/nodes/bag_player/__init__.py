"""The bag player: publishes the messages of a rosbag2 recording."""
