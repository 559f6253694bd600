"""Train, evaluate, search and profile: what runs before deployment, without ROS."""
