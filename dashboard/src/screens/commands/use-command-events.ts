import type { Command } from '@fleetwire/protocol'
import { useFleetwireRest } from '@fleetwire/react'
import { useEffect, useState } from 'react'
import type { CommandEvent } from './command-story.ts'

const MOST_EVENTS = 500

/** The events of one command, oldest first; reloaded when its status changes. */
export function useCommandEvents(command: Command | undefined): readonly CommandEvent[] {
  const rest = useFleetwireRest()
  const [events, setEvents] = useState<readonly CommandEvent[]>([])
  const topic = command === undefined ? undefined : `agents.${command.agentId}.commands.${command.commandId}`
  const version =
    command === undefined ? '' : `${command.status} ${command.phase} ${command.attempt} ${command.endedAt}`
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new `version` means that there are new events
  useEffect(() => {
    if (topic === undefined) return
    let isHere = true
    void rest.events.list({ topics: topic, limit: MOST_EVENTS }).then(page => {
      if (!isHere || !page.ok) return
      setEvents((page.data.items as unknown as CommandEvent[]).toSorted((a, b) => a.at - b.at))
    })
    return () => {
      isHere = false
    }
  }, [rest, topic, version])
  return events
}
