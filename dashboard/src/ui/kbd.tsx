/** Keys as printed on a keyboard: `⌘K`, `G F`. */
export function Kbd({ keys }: { keys: string }) {
  return (
    <span className="inline-flex gap-1">
      {keys.split(' ').map(key => (
        <kbd
          key={key}
          className="inline-flex min-w-[18px] items-center justify-center rounded-[4px] border border-line px-1 font-sans text-[11px] leading-4 text-text3"
        >
          {key}
        </kbd>
      ))}
    </span>
  )
}
