import { cx } from './cx.ts'

/** Text as it is, in a box that scrolls. `wraps`: long lines are broken, so that all of it is read. */
export function CodeBlock({ text, wraps = false, className }: { text: string; wraps?: boolean; className?: string }) {
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
      tabIndex={0}
      className={cx(
        'overflow-auto rounded-control border border-line bg-page p-3 font-mono text-code',
        wraps ? 'break-words whitespace-pre-wrap' : 'whitespace-pre',
        className,
      )}
    >
      {text}
    </pre>
  )
}
