export function Account({ onSignOut }: { onSignOut: () => void }) {
  return (
    <button type="button" class="account" title="Also clears the images on this page" onClick={onSignOut}>
      Sign out
    </button>
  );
}
