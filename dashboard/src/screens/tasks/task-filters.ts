import type { Task } from '@fleetwire/protocol'

export const taskFilters: readonly { value: string; label: string; statuses: readonly Task['status'][] | undefined }[] =
  [
    { value: '', label: 'All', statuses: undefined },
    { value: 'open', label: 'Open', statuses: ['pending', 'running', 'paused'] },
    { value: 'completed', label: 'Completed', statuses: ['completed'] },
    { value: 'failed', label: 'Failed', statuses: ['failed'] },
    { value: 'cancelled', label: 'Cancelled', statuses: ['cancelled'] },
  ]

/** The statuses for a value from the address: a group, or one status of the protocol. */
export const taskStatusesOf = (value: string | undefined): readonly Task['status'][] | undefined => {
  const group = taskFilters.find(filter => filter.value === (value ?? ''))
  return group === undefined ? [value as Task['status']] : group.statuses
}
