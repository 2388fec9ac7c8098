interface Props {
  readonly value: boolean;
  readonly onChange: (value: boolean) => void;
}

/** Whether metadata is removed from images that are added. */
export function MetadataField({ value, onChange }: Props) {
  return (
    <label class="remove-metadata">
      <input type="checkbox" checked={value} onChange={({ currentTarget }) => onChange(currentTarget.checked)} />
      Remove metadata (location, camera)
    </label>
  );
}
