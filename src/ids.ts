import { monotonicFactory } from 'ulid'

const ulid = monotonicFactory()

export type IdPrefix = 'cmd' | 'task' | 'ses' | 'int' | 'con' | 'tok' | 'bat' | 'msg'

/** A new id, sortable by the time of its making: `cmd_01J…`. */
export const newId = (prefix: IdPrefix): string => `${prefix}_${ulid()}`
