from PIL import Image

from tpige_kedro.execution.pictures import picture_hash


def test_pixels_and_size_count_names_and_formats_do_not(tmp_path) -> None:
    red = Image.new("RGB", (20, 10), "red")
    red.save(tmp_path / "a.png")
    red.save(tmp_path / "b.bmp")
    with Image.open(tmp_path / "a.png") as a, Image.open(tmp_path / "b.bmp") as b:
        assert picture_hash(a) == picture_hash(b) == picture_hash(red)
    turned = red.resize((10, 20))  # the same bytes in another shape
    assert picture_hash(turned) != picture_hash(red)
    changed = red.copy()
    changed.putpixel((19, 9), (254, 0, 0))
    assert picture_hash(changed) != picture_hash(red)
