import { cx } from './cx.ts'

/** Preformatted text in a box that scrolls. `wraps`: breaks long lines, so that users read all of it. */
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
