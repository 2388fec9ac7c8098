import { expect, it } from "vitest";
import { selectImages } from "../../src/view/transfer";

it("of a folder, only images are used, hidden files are ignored, and other files are counted", () => {
  const names = [
    ...["a/cat.jpg", "a/b/CAT.JPEG", "a/x.png", "a/x.webp", "a/x.avif", "a/x.gif", "a/x.heic", "a/x.HEIF"],
    ...["a/notes.txt", "a/clip.mp4", "a/jpg"],
    ...["a/.hidden.jpg", "a/.git/x.png", "a/@eaDir/cat.jpg", "__MACOSX/cat.jpg", "a/Thumbs.db"],
  ];
  const { files, skipped } = selectImages(names.map((name) => ({ name, file: new Blob() })));
  expect(files.map(({ name }) => name)).toEqual(names.slice(0, 8));
  expect(skipped).toBe(3);
});
