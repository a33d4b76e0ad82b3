import { serverNow, useConnection } from '@fleetwire/react'
import { useEffect, useRef } from 'react'
import { closeToast, toast } from '../app/toasts.ts'
import { plural } from '../model/format.ts'
import { stopReason } from './connection-view.ts'

const TOLD_AFTER_MS = 10_000
/** Shorter drops are not reported. */
const WORTH_TELLING_MS = 2000

/** Reports a connection that is gone for long, and what was missed once it is back. */
export function ConnectionNews() {
  const connection = useConnection()
  const { state, downSince, role, caughtUp } = connection
  const stopped = connection.state === 'stopped' ? stopReason(connection.cause) : undefined
  const away = useRef<number>(undefined)
  const wasConnected = role !== undefined
  useEffect(() => {
    if (downSince === undefined || !wasConnected) return
    away.current = downSince
    if (stopped !== undefined) {
      // A stopped client does not reconnect by itself.
      toast('The connection is closed', { id: 'connection', tone: 'bad', timeoutMs: 0, description: stopped })
      return
    }
    const timer = setTimeout(
      () =>
        toast('No connection to the server', {
          ...{ id: 'connection', tone: 'needs', timeoutMs: 0 },
          description: 'What you see may be out of date. It updates by itself when the server is back.',
        }),
      Math.max(0, downSince + TOLD_AFTER_MS - serverNow()),
    )
    return () => clearTimeout(timer)
  }, [downSince, wasConnected, stopped])
  useEffect(() => {
    if (state !== 'online' || away.current === undefined) return
    // The number of missed events is known only a moment after the connection is back.
    const timer = setTimeout(() => {
      const isWorthTelling = serverNow() - away.current! >= WORTH_TELLING_MS
      away.current = undefined
      closeToast('connection')
      if (!isWorthTelling) return
      const missed = caughtUp === undefined ? 'Everything was reloaded.' : `${plural(caughtUp, 'event')} caught up.`
      toast('Back', { id: 'back', tone: 'ok', description: missed })
    }, 300)
    return () => clearTimeout(timer)
  }, [state, caughtUp])
  return null
}
