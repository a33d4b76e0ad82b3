import { DashboardClient } from '@fleetwire/client'
import { login as exchangeCode } from '@fleetwire/react'
import { create } from 'zustand'
import { safeStorage } from './safe-storage.ts'

/** Why the login page is shown after a session or a login attempt has ended. */
export type LoginProblem = 'expired' | 'refused' | 'wrong-role' | 'code' | 'unreachable'

export type Session =
  | { state: 'entering' }
  | { state: 'out'; problem?: LoginProblem }
  | { state: 'in'; token: string; client: DashboardClient }

const KEY = 'fleetwire.token'
const tabStorage = safeStorage(() => sessionStorage)

/** The current login. The token is in memory and, to survive a reload, in session storage; never in a URL. */
export const useSession = create<Session>(() => ({ state: 'entering' }))

const enter = (next: Session) => useSession.setState(next, true)

/** The URL of a path on this server, under the prefix that the dashboard is served under. */
export const serverUrl = (path: string): URL => new URL(path, document.baseURI)

function socketUrl(): string {
  const url = serverUrl('ws')
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

/** Logs in with the code of a login link (`#login=…`), otherwise with the stored token of this tab. */
export async function startSession(): Promise<void> {
  // Pasting a login link into an open page changes only the hash and does not reload the page.
  addEventListener('hashchange', () => {
    const code = takeCode()
    if (code !== undefined) void loginWithCode(code)
  })
  const code = takeCode()
  if (code !== undefined) await loginWithCode(code)
  else resume()
}

/** Removes the code from the address bar and the history at once: a copied URL must not contain it. */
function takeCode(): string | undefined {
  const code = new URLSearchParams(location.hash.slice(1)).get('login')
  if (code === null) return undefined
  history.replaceState(history.state, '', location.pathname + location.search)
  return code
}

/** Logs in with the token that this tab has stored, if any. */
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
    // A user who is already logged in and opens an old link stays logged in.
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

/** Logs out: forgets the token of this tab. */
export function leave(problem?: LoginProblem): void {
  tabStorage.removeItem(KEY)
  const session = useSession.getState()
  if (session.state === 'in') session.client.close()
  enter(problem === undefined ? { state: 'out' } : { state: 'out', problem })
}

/** Uses the clock of this machine, which may be wrong. It only affects wording: the server decides about the token. */
const isOver = ({ exp }: { exp: number }): boolean => exp * 1000 <= Date.now()

/** The claims of a token, unverified: only the server can verify them. Undefined if it is not a token. */
function readClaims(token: string): { sub: string; role: string; exp: number } | undefined {
  try {
    const body = token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')
    const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(body), char => char.charCodeAt(0))))
    return typeof claims.exp === 'number' ? claims : undefined
  } catch {
    return undefined
  }
}
