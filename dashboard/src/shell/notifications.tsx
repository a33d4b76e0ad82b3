import { useInteractions } from '@fleetwire/react'
import { useLocation, useRouter } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { pageAddress } from '../app/page-address.ts'
import { usePageTitleStore } from '../app/page-title.ts'
import { usePreferences } from '../app/preferences.ts'
import { closeToast, toast } from '../app/toasts.ts'
import quietIcon from '../assets/favicon.svg'
import needsIcon from '../assets/favicon-needs.svg'
import { commandWords, endedBadly } from '../model/agent-status.ts'
import { plural } from '../model/format.ts'
import { useEnded } from '../model/use-unseen-failures.ts'
import { announce } from './announcer.ts'
import { Arrivals } from './arrivals.ts'
import { useAttentionCount } from './navigation.tsx'

/** Notifies users wherever they are: by the tab's title and icon, a toast, and desktop notifications if enabled. */
export function Notifications() {
  useTabTitle(useAttentionCount() ?? 0)
  useRequestNews()
  useEndNews()
  return null
}

function useTabTitle(count: number): void {
  const title = usePageTitleStore(state => state.title)
  useEffect(() => {
    document.title = `${count > 0 ? `(${count}) ` : ''}${title === 'Fleet' ? '' : `${title} · `}Fleetwire`
  }, [count, title])
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>('link[rel=icon]')
    if (link !== null) link.href = count > 0 ? needsIcon : quietIcon
  }, [count])
}

interface News {
  id: string
  tone: 'needs' | 'bad' | 'ok'
  title: string
  description?: string
  href: string
}

/** Shows one message of each kind at a time; while the page is hidden, also as a desktop notification. */
function useTell(): (news: News) => void {
  const wantsDesktop = usePreferences(state => state.desktopNotifications)
  const router = useRouter()
  return ({ id, tone, title, description, href }) => {
    toast(title, { id, tone, href, ...(description !== undefined && { description }), timeoutMs: 8000 })
    if (tone === 'needs') announce(title, { now: true })
    if (!wantsDesktop || !document.hidden || !isSecureContext || Notification.permission !== 'granted') return
    const shown = new Notification(title, { tag: id, ...(description !== undefined && { body: description }) })
    shown.onclick = () => {
      focus()
      void router.history.push(pageAddress(router.basepath, href))
      shown.close()
    }
  }
}

function useRequestNews(): void {
  const live = useInteractions()
  const arrivals = useRef(new Arrivals())
  const { pathname } = useLocation()
  const tell = useTell()
  const latest = useRef({ tell, pathname })
  latest.current = { tell, pathname }
  const requests = live.status === 'ready' ? live.data : undefined
  useEffect(() => {
    if (requests === undefined) return
    const ids = arrivals.current.look(requests.map(({ interactionId }) => interactionId))
    if (requests.length === 0) closeToast('requests')
    const { tell, pathname } = latest.current
    const news = requests.filter(
      ({ interactionId, agentId }) =>
        ids.includes(interactionId) && pathname !== '/needs-you' && pathname !== `/agents/${agentId}`,
    )
    const first = news[0]
    if (first === undefined) return
    const agents = new Set(requests.map(({ agentId }) => agentId)).size
    if (news.length === 1 && agents === 1) {
      const href = `/needs-you?id=${first.interactionId}`
      tell({ id: 'requests', tone: 'needs', title: `${first.agentId} needs an answer`, description: first.title, href })
    } else
      tell({
        id: 'requests',
        tone: 'needs',
        title: `${plural(agents, 'agent')} ${agents === 1 ? 'needs' : 'need'} you`,
        href: '/needs-you',
      })
  }, [requests])
}

function useEndNews(): void {
  const ended = useEnded()
  const notifyDone = usePreferences(state => state.notifyDone)
  const arrivals = useRef(new Arrivals())
  const { pathname } = useLocation()
  const tell = useTell()
  const latest = useRef({ tell, pathname, notifyDone })
  latest.current = { tell, pathname, notifyDone }
  useEffect(() => {
    if (ended === undefined) return
    const ids = arrivals.current.look(ended.map(({ last }) => last.commandId))
    const { tell, pathname, notifyDone } = latest.current
    const news = ended.filter(({ last, agentId }) => ids.includes(last.commandId) && pathname !== `/agents/${agentId}`)
    const bad = news.filter(({ last }) => endedBadly(last.status))
    const good = notifyDone ? news.filter(({ last }) => last.status === 'succeeded') : []
    const [failed] = bad
    if (failed !== undefined && pathname !== '/needs-you') {
      const { agentId, last } = failed
      if (bad.length > 1)
        tell({
          id: 'failures',
          tone: 'bad',
          title: `${plural(bad.length, 'command')} did not succeed`,
          href: '/needs-you',
        })
      else
        tell({
          id: 'failures',
          tone: 'bad',
          title: `${commandWords[last.status]} on ${agentId}`,
          description: last.title,
          href: `/needs-you?id=${last.commandId}`,
        })
    }
    const [done] = good
    if (done === undefined) return
    if (good.length > 1)
      tell({ id: 'done', tone: 'ok', title: `${plural(good.length, 'command')} done`, href: '/commands' })
    else
      tell({
        id: 'done',
        tone: 'ok',
        title: `Done on ${done.agentId}`,
        description: done.last.title,
        href: `/agents/${done.agentId}`,
      })
  }, [ended])
}
