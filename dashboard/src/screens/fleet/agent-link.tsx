import { Link } from '@tanstack/react-router'
import { cx } from '../../ui/cx.ts'
import { activate } from './fleet-selection.ts'

export interface AgentLinkProps {
  id: string
  name: string
  isOffline: boolean
  /** It is the tab stop of the list. */
  isStop: boolean
  className: string
}

/** The name of an agent. The link covers its whole card or row. */
export function AgentLink({ id, name, isOffline, isStop, className }: AgentLinkProps) {
  return (
    <Link
      to="/agents/$agentId"
      params={{ agentId: id }}
      preload={false}
      data-agent-link
      tabIndex={isStop ? 0 : -1}
      onFocus={() => activate(id)}
      title={name}
      className={cx(
        'min-w-0 truncate outline-none after:absolute after:inset-0 after:content-[""]',
        className,
        isOffline && 'text-text2',
      )}
    >
      {name}
    </Link>
  )
}
