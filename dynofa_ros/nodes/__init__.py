"""The ROS 2 nodes: they translate messages and hold state; the only code that imports rclpy."""
