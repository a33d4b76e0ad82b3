import type { Agent } from '@fleetwire/protocol'
import { useEvents, useFleetwireRest, useNow } from '@fleetwire/react'
import { useEffect, useState } from 'react'
import { age, ago } from '../../../model/format.ts'
import { cx } from '../../../ui/cx.ts'
import { Tooltip } from '../../../ui/tooltip.tsx'

const linkNotes: Record<Agent['link'], string> = {
  online: 'It is connected and responding.',
  late: 'It is connected, but its heartbeat is overdue.',
  offline: 'It is not connected.',
}
const evidenceNotes: Record<Agent['evidence'], string> = {
  reported: 'The agent reported it.',
  inferred: 'The server inferred it from commands, connections and processes.',
  guessed: 'It was guessed from the screen of a program and may be wrong.',
}

/** Three separate facts: whether the agent is connected, what it does, and how the server knows. */
export function Facts({ agent, staleSince }: { agent: Agent; staleSince?: number | undefined }) {
  const clock = useNow()
  const now = staleSince ?? clock
  const toldAt = useToldAt(agent.agentId)
  const seen = agent.link === 'online' ? `for ${age(now - agent.connectedAt)}` : `seen ${ago(now - agent.lastSeenAt)}`
  return (
    <dl className="flex min-w-0 flex-wrap items-center gap-x-4 gap-y-0.5 text-meta text-text2">
      <Fact name="Link" note={linkNotes[agent.link]} detail={seen} isWarning={agent.link !== 'online'}>
        {agent.link}
      </Fact>
      <Fact name="Work" note="What it is doing now." detail={agent.detail || undefined}>
        {agent.work}
      </Fact>
      <Fact
        name="Evidence"
        note={evidenceNotes[agent.evidence]}
        detail={toldAt === undefined ? undefined : ago(now - toldAt)}
      >
        {agent.evidence}
      </Fact>
    </dl>
  )
}

interface FactProps {
  name: string
  note: string
  detail: string | undefined
  isWarning?: boolean
  children: string
}

function Fact({ name, note, detail, isWarning = false, children }: FactProps) {
  return (
    <Tooltip content={note}>
      <div className="flex min-w-0 items-baseline gap-1.5">
        <dt className="text-text3">{name}</dt>
        <dd className={cx('min-w-0 truncate tabular-nums', isWarning && 'text-warn')}>
          {children}
          {detail !== undefined && <span className="text-text3"> · {detail}</span>}
        </dd>
      </div>
    </Tooltip>
  )
}

/** When the agent's status last changed, according to its events; undefined if unknown. */
function useToldAt(agentId: string): number | undefined {
  const rest = useFleetwireRest()
  const topic = `agents.${agentId}.status`
  const [told, setTold] = useState<{ topic: string; at: number }>()
  useEvents(topic, ({ at }) => setTold({ topic, at }))
  useEffect(() => {
    let isOver = false
    void rest.events.list({ topics: topic, limit: 1 }).then(page => {
      const at = page.ok ? page.data.items[0]?.at : undefined
      if (!isOver && at !== undefined) setTold(before => (before?.topic === topic ? before : { topic, at }))
    })
    return () => {
      isOver = true
    }
  }, [rest, topic])
  return told?.topic === topic ? told.at : undefined
}
