import { useAgentSummary } from '@fleetwire/react'
import { count, money } from '../../../model/format.ts'
import { Section } from './section.tsx'

/** The cost of the agent's work, as far as it reports it. */
export function Cost({ agentId }: { agentId: string }) {
  const usage = useAgentSummary(agentId, summary => summary.usage)
  if (usage.status !== 'ready' || usage.data === undefined) return null
  const { costUsd, inputTokens, outputTokens } = usage.data
  return (
    <Section title="Usage">
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 tabular-nums">
        {costUsd > 0 && (
          <>
            <dt className="text-text2">Cost</dt>
            <dd className="text-right">{money(costUsd)}</dd>
          </>
        )}
        <dt className="text-text2">Tokens in</dt>
        <dd className="text-right">{count(inputTokens)}</dd>
        <dt className="text-text2">Tokens out</dt>
        <dd className="text-right">{count(outputTokens)}</dd>
      </dl>
    </Section>
  )
}
