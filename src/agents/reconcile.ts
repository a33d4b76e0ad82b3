import type { AgentPayloads, AgentServerPayloads, Command } from '@fleetwire/protocol'
import { isFinal } from '@fleetwire/protocol'
import { toldByAgent } from '../commands/command-state.ts'

export type InventoryItem = NonNullable<AgentPayloads['agent:connect']['inventory']>[number]
export type Directive = AgentServerPayloads['connection:established']['directives'][number]

export interface Judgement {
  directive: Directive
  /** The agent has the same attempt as the log: the command's link is back. */
  linkBack?: { attempt: number }
}

/**
 * What a returning agent must do with one command of its inventory. `command` is the log's record of it; undefined if
 * it is unknown or belongs to another agent.
 */
export function judge(item: InventoryItem, command: Command | undefined): Judgement {
  const { commandId } = item
  const say = (action: Directive['action']): Judgement => ({ directive: { commandId, action } })
  if (command === undefined) return say(item.state === 'running' ? 'cancel' : 'forget')
  if (item.state === 'finished') return say(hasResult(command) ? 'forget' : 'resend')
  if (isFinal(command.status)) return say('cancel')
  const directive: Directive = { commandId, action: command.cancelRequestedAt === undefined ? 'continue' : 'cancel' }
  // For an older attempt, the newer dispatch is sent again and the agent adopts its number.
  return item.attempt === command.attempt ? { directive, linkBack: { attempt: item.attempt } } : { directive }
}

const hasResult = (command: Command): boolean =>
  isFinal(command.status) && (toldByAgent(command) || command.lateResult !== undefined)
