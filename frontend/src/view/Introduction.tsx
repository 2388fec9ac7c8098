/** Explains the product while there are no images. */
export function Introduction() {
  return (
    <section class="introduction" aria-labelledby="introduction">
      <h2 id="introduction">How it works</h2>
      <ol>
        <li>
          <b>Ask.</b> Enter what to look for, such as <q>cat</q> or <q>cat, dog</q>, and how certain the answer must be.
          Images can also be scanned for moderation labels and text.
        </li>
        <li>
          <b>Add images.</b> Drop one image or hundreds. Each distinct image is scanned once per feature, and known
          images are not even uploaded.
        </li>
        <li>
          <b>See the answer.</b> Yes or no, with the confidence, the location in the image and everything else that was
          found. Ask further questions without another scan.
        </li>
      </ol>
      <p class="small">
        Results stay on this page when you close it. The service keeps images and results until they expire or you
        delete them.
      </p>
    </section>
  );
}
