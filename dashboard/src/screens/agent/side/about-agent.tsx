import type { Agent } from '@fleetwire/protocol'
import { clockTime } from '../../../model/format.ts'
import { Tag } from '../../../ui/chip.tsx'
import { CopyButton } from '../../../ui/copy-button.tsx'
import { Facts } from '../header/facts.tsx'
import { Section } from './section.tsx'

export function AboutAgent({ agent }: { agent: Agent }) {
  const { agentId, kind, version, labels, capabilities, maxConcurrency, connectedAt, tokenExpiresAt } = agent
  const names = Object.entries(labels)
  const rows: [string, string][] = [
    ['Kind', [kind, version].filter(Boolean).join(' ')],
    ['Accepts', capabilities.kinds?.join(', ') ?? 'any command'],
    ['Concurrency', maxConcurrency === 1 ? 'one command' : `${maxConcurrency} commands`],
    ['Connected', clockTime(connectedAt)],
    ...(tokenExpiresAt === undefined ? [] : [['Token expires', clockTime(tokenExpiresAt)] as [string, string]]),
  ]
  return (
    <Section title="About">
      <div className="pb-2 tablet:hidden">
        <Facts agent={agent} />
      </div>
      {names.length > 0 && (
        <ul aria-label="Labels" className="flex flex-wrap gap-1 pb-2">
          {names.map(([name, value]) => (
            <li key={name} className="max-w-full">
              <Tag className="max-w-full">
                <span className="truncate">{value === '' ? name : `${name}: ${value}`}</span>
              </Tag>
            </li>
          ))}
        </ul>
      )}
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
        <dt className="text-text2">Id</dt>
        <dd data-copy-block className="-my-1 flex min-w-0 items-center justify-end gap-1 font-mono text-code">
          <code className="truncate">{agentId}</code>
          <CopyButton text={agentId} label="Copy id" compact />
        </dd>
        {rows.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-text2">{name}</dt>
            <dd className="min-w-0 text-right break-words">{value || 'unknown'}</dd>
          </div>
        ))}
      </dl>
    </Section>
  )
}
