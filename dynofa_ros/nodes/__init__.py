"""The ROS 2 nodes. Only code in this folder imports rclpy."""
