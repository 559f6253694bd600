"""The oracle: a policy that knows every image and every disturbance in advance."""
