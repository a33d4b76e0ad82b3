import type { WireError } from '@fleetwire/protocol'

/**
 * Data that the server keeps up to date. `stale`: it may have changed since `asOf` (epoch ms), because there is no
 * connection or the server is sending the state again. Otherwise `asOf` is when this value arrived.
 */
export type Live<T> =
  | { readonly status: 'loading' }
  | { readonly status: 'error'; readonly error: WireError }
  | { readonly status: 'ready'; readonly data: T; readonly stale: boolean; readonly asOf: number }

export const LOADING: Live<never> = { status: 'loading' }

/** What a hook reads: `get` returns the same object until something changes. */
export interface Source<T> {
  subscribe(listener: () => void): () => void
  get(): T
}
