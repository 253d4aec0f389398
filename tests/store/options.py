"""Small specs, as options of `vitreport train`."""

MIXER = (
    "mlp-mixer",
    "--dataset=digits",
    "--device=cpu",
    "--set=data.image_size=8",
    "--set=model.patch_size=4",
    "--set=model.embed_dim=8",
    "--set=model.num_blocks=1",
    "--set=model.drop_rate=0.1",
)
SHORT = (*MIXER, "--set=data.limit=40", "--batch-size=18", "--epochs=2")
"""4 steps, with dropout."""

SHORTEST = (*MIXER, "--set=data.limit=40", "--batch-size=18", "--epochs=1")
"""2 steps."""

STEPS = (*MIXER, "--set=data.limit=100", "--batch-size=20", "--epochs=3")
"""15 steps, with dropout."""

CONVOLUTIONS = (
    "timm/resnet10t",
    "--dataset=digits",
    "--device=cpu",
    "--set=data.image_size=16",
    "--set=data.limit=100",
    "--set=model.arguments={channels=[8, 8, 16, 16], stem_width=8, output_stride=8, drop_path_rate=0.1}",
    "--batch-size=20",
    "--epochs=3",
)
"""15 steps with batch normalization, and channels last in memory."""

RICH = (
    "swin",
    "--dataset=digits",
    "--device=cpu",
    "--set=data.image_size=8",
    "--set=data.limit=100",
    '--set=data.augment=[{name="horizontal_flip"}, {name="random_crop", padding=2}, '
    '{name="color_jitter", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1}, '
    '{name="mixture", operations=[{name="random_rotation"}, {name="equalize"}]}]',
    "--set=mix.mixup_alpha=0.8",
    "--set=mix.cutmix_alpha=1.0",
    "--set=model.patch_size=4",
    "--set=model.embed_dim=8",
    "--set=model.depths=[1]",
    "--set=model.num_heads=[2]",
    "--set=model.window_size=2",
    "--set=model.drop_rate=0.1",
    "--set=model.drop_path_rate=0.1",
    "--set=schedule.name=cosine",
    "--set=schedule.warmup_epochs=1",
    "--set=train.label_smoothing=0.1",
    "--set=train.clip_norm=1.0",
    "--set=train.monitor_test=true",
    "--set=train.monitor_train=true",
    "--batch-size=20",
    "--epochs=3",
)
"""15 steps with every stream of random numbers: order, four augmentations, mixing, two kinds of dropout."""

EVERY_STEP = "--checkpoint-seconds=0"
