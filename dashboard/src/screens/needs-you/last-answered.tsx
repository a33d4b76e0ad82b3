import type { Interaction } from '@fleetwire/protocol'
import { useConnection, useFleetwireRest, useNow } from '@fleetwire/react'
import { useEffect, useState } from 'react'
import { visibleText } from '../../model/visible-text.ts'
import { resolutionWords } from './request-words.ts'

/** The last answered request, shown when the queue is empty. */
export function LastAnswered() {
  const rest = useFleetwireRest()
  const now = useNow()
  const { userId } = useConnection()
  const [last, setLast] = useState<Interaction>()
  useEffect(() => {
    let isHere = true
    void rest.interactions.list({ state: 'resolved', limit: 100 }).then(page => {
      if (!isHere || !page.ok) return
      setLast(page.data.items.toSorted((a, b) => (b.resolution?.at ?? 0) - (a.resolution?.at ?? 0))[0])
    })
    return () => {
      isHere = false
    }
  }, [rest])
  if (last === undefined) return null
  return (
    <p className="text-meta break-words text-text3">
      Last: “{visibleText(last.title)}” of {last.agentId}. {resolutionWords(last, now, userId)}
    </p>
  )
}
