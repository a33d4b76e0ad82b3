import type { SearchAddon } from '@xterm/addon-search'
import { ChevronDown, ChevronUp, X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { IconButton } from '../../../ui/button.tsx'
import { inputClass } from '../../../ui/field.tsx'

const DECORATIONS = {
  matchBackground: '#7a5c1e',
  activeMatchBackground: '#c98b1d',
  matchOverviewRuler: '#c98b1d',
  activeMatchColorOverviewRuler: '#f6bd4b',
}

/** Finds text in the terminal's screen and scrollback. */
export function SearchBar({ search, onClose }: { search: SearchAddon; onClose(): void }) {
  const [text, setText] = useState('')
  const [found, setFound] = useState<{ resultIndex: number; resultCount: number }>()
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.focus(), [])
  useEffect(() => {
    const results = search.onDidChangeResults(setFound)
    return () => {
      results.dispose()
      search.clearDecorations()
    }
  }, [search])
  const find = (forwards: boolean, incremental = false, term = text) => {
    if (term === '') search.clearDecorations()
    else if (forwards) search.findNext(term, { decorations: DECORATIONS, incremental })
    else search.findPrevious(term, { decorations: DECORATIONS })
  }
  return (
    <search className="absolute top-2 right-4 z-10 flex items-center gap-1 rounded-card border border-line bg-card p-1 shadow-overlay">
      <input
        ref={field}
        aria-label="Find in the terminal"
        placeholder="Find"
        value={text}
        className={`${inputClass} w-48`}
        onChange={event => {
          setText(event.target.value)
          find(true, true, event.target.value)
        }}
        onKeyDown={event => {
          if (event.key === 'Enter') find(!event.shiftKey)
          if (event.key === 'Escape') onClose()
        }}
      />
      <span aria-live="polite" className="min-w-14 text-center text-meta text-text3 tabular-nums">
        {text !== '' &&
          found !== undefined &&
          (found.resultCount === 0 ? 'None' : `${found.resultIndex + 1} of ${found.resultCount}`)}
      </span>
      <IconButton label="Previous" onClick={() => find(false)}>
        <ChevronUp size={14} aria-hidden />
      </IconButton>
      <IconButton label="Next" onClick={() => find(true)}>
        <ChevronDown size={14} aria-hidden />
      </IconButton>
      <IconButton label="Close" onClick={onClose}>
        <X size={14} aria-hidden />
      </IconButton>
    </search>
  )
}
