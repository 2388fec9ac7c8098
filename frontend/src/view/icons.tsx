import type { ComponentChildren } from "preact";

function Icon({ children, size = 20 }: { children: ComponentChildren; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      {children}
    </svg>
  );
}

export const Logo = () => (
  <Icon size={36}>
    <path d="M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3" />
    <path d="m8 12.500 3 3 5-6" />
  </Icon>
);

export const ImageIcon = () => (
  <Icon size={28}>
    <rect x="3" y="4" width="18" height="16" rx="3" />
    <circle cx="8.500" cy="9.500" r="1.500" />
    <path d="m4 18 5-5 3.500 3.500L16 13l4.500 4.500" />
  </Icon>
);

export const EnlargeIcon = () => (
  <Icon>
    <path d="M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m5 5 14 14M19 5 5 19" />
  </Icon>
);

export const CameraIcon = () => (
  <Icon>
    <path d="M4 8h3l2-3h6l2 3h3v11H4z" />
    <circle cx="12" cy="13" r="3.500" />
  </Icon>
);

export const YesIcon = () => (
  <Icon>
    <path d="m5 12.500 4.500 4.500L19 7.500" />
  </Icon>
);

export const NoIcon = () => (
  <Icon>
    <path d="M6 12h12" />
  </Icon>
);

export const NoQuestionIcon = () => (
  <Icon>
    <path d="M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4M8 12h8" />
  </Icon>
);

export const CancelledIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8" />
    <path d="m6.500 6.500 11 11" />
  </Icon>
);

export const ErrorIcon = () => (
  <Icon>
    <path d="M12 6v7M12 17.500v.01" />
  </Icon>
);

export const BusyIcon = () => (
  <Icon>
    <path class="spinning" d="M12 4a8 8 0 1 1-8 8" />
  </Icon>
);
