"""Makes thumbnails of photographs, and keeps the originals in /tmp."""

import base64
import os
import tempfile

from PIL import Image  # from a layer

# /tmp, or the folder that stands in for it where there is no isolation.
TMP = tempfile.gettempdir()


def handler(event, context):
    """Answers {"name", "width"[, "image": base64]} with a thumbnail.

    The image is needed once: while this environment lives, its /tmp keeps it.
    """
    original = os.path.join(TMP, os.path.basename(event["name"]))
    kept = os.path.exists(original)
    if not kept:
        with open(original, "wb") as file:
            file.write(base64.b64decode(event["image"]))

    small = original + ".thumbnail.jpg"
    with Image.open(original) as photo:
        size = photo.size
        photo.thumbnail((event["width"], event["width"]))
        photo.save(small, "JPEG", quality=85)
        print(f"{event['name']}: {size} made {photo.size}, the original was {'kept' if kept else 'given'}")

    with open(small, "rb") as file:
        thumbnail = base64.b64encode(file.read()).decode()
    return {"thumbnail": thumbnail, "original": size, "bytes": os.path.getsize(original), "kept": kept}
