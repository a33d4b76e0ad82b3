import { memo, type ReactNode, startTransition, useEffect, useState } from 'react'
import { CopyButton } from '../../../ui/copy-button.tsx'

/** Highlighting more than this would block the page for longer than it is worth. */
const LONGEST_COLOURED = 30_000

/** A block of code: plain at first, highlighted a moment later. */
export const Code = memo(function Code({ text, language }: { text: string; language: string | undefined }) {
  const [coloured, setColoured] = useState<{ text: string; node: ReactNode }>()
  useEffect(() => {
    if (language === undefined || text.length > LONGEST_COLOURED) return
    let isOver = false
    void import('./code-colour.tsx').then(({ colour }) => {
      if (isOver) return
      const node = colour(text, language)
      if (node !== undefined) startTransition(() => setColoured({ text, node }))
    })
    return () => {
      isOver = true
    }
  }, [text, language])
  return (
    <div data-copy-block className="group/code relative my-1">
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
        tabIndex={0}
        className="overflow-x-auto rounded-control border border-line bg-card p-3 font-mono text-code"
      >
        <code>{coloured?.text === text ? coloured.node : text}</code>
      </pre>
      <span className="absolute top-1 right-1 opacity-0 group-focus-within/code:opacity-100 group-hover/code:opacity-100 pointer-coarse:opacity-100">
        <CopyButton text={text} label="Copy the code" compact />
      </span>
    </div>
  )
})
