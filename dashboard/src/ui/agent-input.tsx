import { useAgents } from '@fleetwire/react'
import { useId } from 'react'
import { cx } from './cx.ts'
import { inputClass } from './field.tsx'

/** An input for an agent id; the browser suggests the known ones. */
export function AgentInput({ value, onChange }: { value: string; onChange(value: string): void }) {
  const agents = useAgents({ sort: { by: 'agentId' } })
  const listId = useId()
  return (
    <>
      <input
        aria-label="Agent"
        placeholder="Any agent"
        list={listId}
        key={value}
        defaultValue={value}
        onChange={event => {
          const known = agents.status === 'ready' && agents.data.some(({ agentId }) => agentId === event.target.value)
          if (known || event.target.value === '') onChange(event.target.value)
        }}
        onKeyDown={event => event.key === 'Enter' && onChange(event.currentTarget.value.trim())}
        className={cx(inputClass, 'w-44! max-tablet:w-36!')}
      />
      <datalist id={listId}>
        {agents.status === 'ready' && agents.data.map(({ agentId }) => <option key={agentId} value={agentId} />)}
      </datalist>
    </>
  )
}
