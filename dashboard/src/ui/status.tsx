import {
  Circle,
  CircleCheck,
  CircleDashed,
  CircleMinus,
  CircleX,
  Clock,
  Hourglass,
  LoaderCircle,
  TriangleAlert,
} from 'lucide-react'
import type { ReactNode } from 'react'
import type { AgentStatus } from '../model/agent-status.ts'
import type { Tone } from '../model/command-status.ts'
import { cx } from './cx.ts'

const SIZE = 14

const marks: Record<AgentStatus, ReactNode> = {
  'needs-you': <TriangleAlert size={SIZE} aria-hidden className="animate-attention" />,
  error: <CircleX size={SIZE} aria-hidden />,
  offline: <CircleDashed size={SIZE} aria-hidden />,
  stalled: <Clock size={SIZE} aria-hidden />,
  late: <Clock size={SIZE} aria-hidden />,
  working: <LoaderCircle size={SIZE} aria-hidden className="animate-spin" />,
  starting: <Hourglass size={SIZE} aria-hidden />,
  idle: <Circle size={SIZE} aria-hidden />,
}

export const statusColour: Record<AgentStatus, string> = {
  'needs-you': 'text-needs',
  error: 'text-bad',
  offline: 'text-quiet',
  stalled: 'text-warn',
  late: 'text-warn',
  working: 'text-work',
  starting: 'text-quiet',
  idle: 'text-quiet',
}

export const toneColour: Record<Tone, string> = {
  ok: 'text-ok',
  bad: 'text-bad',
  warn: 'text-warn',
  work: 'text-work',
  needs: 'text-needs',
  quiet: 'text-quiet',
}

const toneMarks: Record<Tone, ReactNode> = {
  ok: <CircleCheck size={SIZE} aria-hidden />,
  bad: <CircleX size={SIZE} aria-hidden />,
  warn: <Clock size={SIZE} aria-hidden />,
  work: <LoaderCircle size={SIZE} aria-hidden className="animate-spin" />,
  needs: <TriangleAlert size={SIZE} aria-hidden />,
  quiet: <CircleMinus size={SIZE} aria-hidden />,
}

/** The icon of a tone, for places where a word beside it or a tooltip says the same. */
export const ToneIcon = ({ tone }: { tone: Tone }): ReactNode => toneMarks[tone]

/** Icon, word and colour: a status is never shown by colour alone. `children`: the word, with its age if any. */
export function StatusMark({
  status,
  className,
  children,
}: {
  status: AgentStatus
  className?: string
  children: ReactNode
}) {
  return (
    <span
      className={cx(
        'inline-flex items-center gap-1.5 align-middle text-meta whitespace-nowrap tabular-nums',
        statusColour[status],
        className,
      )}
    >
      {marks[status]}
      <span>{children}</span>
    </span>
  )
}

/** The same for anything with a tone: a command, a task, a request. */
export function ToneMark({ tone, className, children }: { tone: Tone; className?: string; children: ReactNode }) {
  return (
    <span
      className={cx(
        'inline-flex items-center gap-1.5 align-middle text-meta whitespace-nowrap tabular-nums',
        toneColour[tone],
        className,
      )}
    >
      {toneMarks[tone]}
      <span>{children}</span>
    </span>
  )
}

export function StatusDot({ status }: { status: AgentStatus }) {
  return <span aria-hidden className={cx('inline-block size-2 rounded-full bg-current', statusColour[status])} />
}

/** Something has happened here since the user last looked. */
export function UnreadDot() {
  return (
    <span className="inline-block size-1.5 shrink-0 rounded-full bg-accent">
      <span className="sr-only">not viewed yet</span>
    </span>
  )
}
