export function Logo({ compact = false }: { compact?: boolean }) {
  return (
    <span className="inline-flex items-center gap-2.5">
      <svg
        width="16"
        height="16"
        viewBox="0 0 16 16"
        fill="none"
        stroke="var(--accent)"
        strokeWidth="2"
        strokeLinecap="round"
        aria-hidden="true"
      >
        <path d="M2 4h9M2 8h12M2 12h6" />
      </svg>
      <span className={compact ? 'hidden text-title font-semibold desktop:inline' : 'text-title font-semibold'}>
        Fleetwire
      </span>
    </span>
  )
}
