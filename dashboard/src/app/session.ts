import { DashboardClient } from '@fleetwire/client'
import { login as exchangeCode } from '@fleetwire/react'
import { create } from 'zustand'
import { safeStorage } from './safe-storage.ts'

/** Why the login page is shown, when somebody was logged in or tried to be. */
export type LoginProblem = 'expired' | 'refused' | 'wrong-role' | 'code' | 'unreachable'

export type Session =
  | { state: 'entering' }
  | { state: 'out'; problem?: LoginProblem }
  | { state: 'in'; token: string; client: DashboardClient }

const KEY = 'fleetwire.token'
const tabStorage = safeStorage(() => sessionStorage)

/** Who is logged in. The token lives in memory and, for a reload, in this tab's session storage; never in an address. */
export const useSession = create<Session>(() => ({ state: 'entering' }))

const enter = (next: Session) => useSession.setState(next, true)

/** The address of what the server has beside its pages, under whatever prefix. */
export const serverUrl = (path: string): URL => new URL(path, document.baseURI)

function socketUrl(): string {
  const url = serverUrl('ws')
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

/** Starts with the code of a login link (`#login=…`), else with what this tab has. */
export async function startSession(): Promise<void> {
  // A link that is pasted into an open page changes its hash alone, and loads nothing.
  addEventListener('hashchange', () => {
    const code = takeCode()
    if (code !== undefined) void loginWithCode(code)
  })
  const code = takeCode()
  if (code !== undefined) await loginWithCode(code)
  else resume()
}

/** Out of the address bar and the history at once: it must not be sent on by a copied address. */
function takeCode(): string | undefined {
  const code = new URLSearchParams(location.hash.slice(1)).get('login')
  if (code === null) return undefined
  history.replaceState(history.state, '', location.pathname + location.search)
  return code
}

/** With the token that this tab keeps, if it has one. */
function resume(problem?: LoginProblem): void {
  const token = tabStorage.getItem(KEY)
  if (token !== null) login(token)
  else enter(problem === undefined ? { state: 'out' } : { state: 'out', problem })
}

async function loginWithCode(code: string): Promise<void> {
  const result = await exchangeCode(serverUrl('.').href, code)
  if (result.ok) {
    const before = useSession.getState()
    if (before.state === 'in') before.client.close()
    login(result.data.token)
  } else if (useSession.getState().state !== 'in') {
    // Who opens an old link where they are logged in stays so.
    resume(result.error.code === 'unauthorized' ? 'code' : 'unreachable')
  }
}

export function login(text: string): void {
  const token = text.trim()
  const claims = readClaims(token)
  const problem = claims === undefined ? 'refused' : claims.role === 'agent' ? 'wrong-role' : undefined
  if (claims === undefined || problem !== undefined) {
    enter({ state: 'out', problem: problem ?? 'refused' })
    return
  }
  const client = new DashboardClient({ url: socketUrl(), token, client: { name: 'dashboard' } })
  const stop = client.status.subscribe(status => {
    if (status.state !== 'stopped') return
    const { code, httpStatus } = status.cause
    if (code === 4401 || httpStatus === 401 || httpStatus === 403) {
      stop()
      leave(isOver(claims) ? 'expired' : httpStatus === 403 ? 'wrong-role' : 'refused')
    }
  })
  tabStorage.setItem(KEY, token)
  enter({ state: 'in', token, client })
}

/** Forgets the token in this tab. */
export function leave(problem?: LoginProblem): void {
  tabStorage.removeItem(KEY)
  const session = useSession.getState()
  if (session.state === 'in') session.client.close()
  enter(problem === undefined ? { state: 'out' } : { state: 'out', problem })
}

/** By the clock of this machine, which may be wrong: it chooses words, and only the server refuses a token. */
const isOver = ({ exp }: { exp: number }): boolean => exp * 1000 <= Date.now()

/** What the token says of itself, unchecked: only the server can check it. Undefined if it is no token. */
function readClaims(token: string): { sub: string; role: string; exp: number } | undefined {
  try {
    const body = token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(body), char => char.charCodeAt(0))))
    return typeof claims.exp === 'number' ? claims : undefined
  } catch {
    return undefined
  }
}
