import type { Command } from '@fleetwire/protocol'

type Status = Command['status']

export interface CommandFilter {
  value: string
  label: string
  statuses: readonly Status[] | undefined
}

/** The filters, ordered by how often people need them. */
export const commandFilters: readonly CommandFilter[] = [
  { value: '', label: 'All', statuses: undefined },
  { value: 'active', label: 'Active', statuses: ['running', 'dispatched', 'queued'] },
  { value: 'failed', label: 'Not succeeded', statuses: ['failed', 'lost', 'timed_out', 'expired', 'rejected'] },
  { value: 'succeeded', label: 'Succeeded', statuses: ['succeeded'] },
  { value: 'cancelled', label: 'Cancelled', statuses: ['cancelled'] },
]

/** The statuses for a value from the address: a group, or one status of the protocol. */
export function statusesOf(value: string | undefined): readonly Status[] | undefined {
  const group = commandFilters.find(filter => filter.value === (value ?? ''))
  return group === undefined ? [value as Status] : group.statuses
}
