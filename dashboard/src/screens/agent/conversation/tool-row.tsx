import type { ConversationItem } from '@fleetwire/react'
import { useNow } from '@fleetwire/react'
import { ChevronRight } from 'lucide-react'
import { useId, useState } from 'react'
import { errorText } from '../../../model/command-status.ts'
import { elapsed, took } from '../../../model/format.ts'
import { CodeBlock } from '../../../ui/code-block.tsx'
import { cx } from '../../../ui/cx.ts'
import { ToneMark } from '../../../ui/status.tsx'
import { asBlock, asLine } from './tool-words.ts'

type Tool = Extract<ConversationItem, { kind: 'tool' }>

/** Longer values are truncated: a result of megabytes would block the page. */
const LONGEST_SHOWN = 50_000

/** A tool call on one line, which expands to all its details. */
export function ToolRow({ tool }: { tool: Tool }) {
  const [isOpen, setIsOpen] = useState(false)
  const id = useId()
  const { name, args, argsText, result, error } = tool
  const shownArgs = args ?? argsText
  return (
    <div className="rounded-control border border-line bg-card">
      <button
        type="button"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setIsOpen(open => !open)}
        className="flex min-h-8 w-full items-center gap-2 rounded-control px-2 text-left hover:bg-hover pointer-coarse:min-h-11"
      >
        <ChevronRight size={14} aria-hidden className={cx('shrink-0 text-text3', isOpen && 'rotate-90')} />
        <span className="shrink-0 font-mono text-code font-medium">{name || 'tool'}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-code text-text3">{asLine(shownArgs)}</span>
        <ToolMark tool={tool} />
      </button>
      {isOpen && (
        <div id={id} className="flex flex-col gap-2 border-t border-line p-2">
          {shownArgs !== undefined && shownArgs !== '' && <Part title="Arguments" text={asBlock(shownArgs)} />}
          {result !== undefined && <Part title="Result" text={asBlock(result)} />}
          {error !== undefined && <Part title="Error" text={errorText(error) ?? asBlock(error)} />}
          {tool.state === 'open' && <p className="text-meta text-text3">It is still running.</p>}
          {tool.state === 'ended' && result === undefined && error === undefined && (
            <p className="text-meta text-text3">It ended without a result.</p>
          )}
        </div>
      )}
    </div>
  )
}

function ToolMark({ tool }: { tool: Tool }) {
  const { state, error, startedAt, endedAt } = tool
  if (state === 'open') return <Running since={startedAt} />
  const duration = startedAt === undefined || endedAt === undefined ? '' : took(endedAt - startedAt)
  if (error === undefined) return <ToneMark tone="ok">{duration || 'Done'}</ToneMark>
  return <ToneMark tone="bad">{`Failed${duration && ` · ${duration}`}`}</ToneMark>
}

function Running({ since }: { since: number | undefined }) {
  const now = useNow()
  return <ToneMark tone="work">{since === undefined ? 'Running' : elapsed(now - since)}</ToneMark>
}

function Part({ title, text }: { title: string; text: string }) {
  return (
    <section aria-label={title} className="flex flex-col gap-1">
      <p className="text-meta text-text3">{title}</p>
      <CodeBlock text={text.slice(0, LONGEST_SHOWN)} wraps className="max-h-72" />
      {text.length > LONGEST_SHOWN && <p className="text-meta text-text3">The rest is not shown.</p>}
    </section>
  )
}
