import { Link } from '@tanstack/react-router'
import { cx } from '../../ui/cx.ts'
import { activate } from './fleet-selection.ts'

export interface AgentLinkProps {
  id: string
  name: string
  isOffline: boolean
  /** The one that the tab key stops at. */
  isStop: boolean
  className: string
}

/** The name of an agent; pressing its card or row anywhere presses this. */
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
