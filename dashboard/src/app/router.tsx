import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouterHistory,
} from '@tanstack/react-router'
import { NotFound } from '../screens/not-found.tsx'
import { RootFailure } from '../screens/root-failure.tsx'
import { Shell } from '../shell/shell.tsx'

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
const texts = <K extends string>(search: Record<string, unknown>, ...keys: K[]): Partial<Record<K, string>> =>
  Object.fromEntries(keys.map(key => [key, text(search[key])]).filter(([, value]) => value !== undefined))

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: RootFailure })

const fleet = createRoute({
  getParentRoute: () => root,
  path: '/',
  validateSearch: search => texts(search, 'q', 'status'),
  component: lazyRouteComponent(() => import('../screens/fleet/fleet-screen.tsx'), 'FleetScreen'),
})

const needsYou = createRoute({
  getParentRoute: () => root,
  path: '/needs-you',
  validateSearch: search => texts(search, 'id'),
  component: lazyRouteComponent(() => import('../screens/needs-you/needs-you-screen.tsx'), 'NeedsYouScreen'),
})

const agent = createRoute({
  getParentRoute: () => root,
  path: '/agents/$agentId',
  validateSearch: search => texts(search, 'tab', 'session'),
  component: lazyRouteComponent(() => import('../screens/agent/agent-screen.tsx'), 'AgentScreen'),
})

const tasks = createRoute({
  getParentRoute: () => root,
  path: '/tasks',
  validateSearch: search => texts(search, 'status', 'agent', 'q'),
  component: lazyRouteComponent(() => import('../screens/tasks/tasks-screen.tsx'), 'TasksScreen'),
})

const task = createRoute({
  getParentRoute: () => root,
  path: '/tasks/$taskId',
  component: lazyRouteComponent(() => import('../screens/tasks/task-screen.tsx'), 'TaskScreen'),
})

const commands = createRoute({
  getParentRoute: () => root,
  path: '/commands',
  validateSearch: search => texts(search, 'status', 'agent', 'kind', 'q', 'batch'),
  component: lazyRouteComponent(() => import('../screens/commands/commands-screen.tsx'), 'CommandsScreen'),
})

const command = createRoute({
  getParentRoute: () => root,
  path: '/commands/$commandId',
  component: lazyRouteComponent(() => import('../screens/commands/command-screen.tsx'), 'CommandScreen'),
})

const system = createRoute({
  getParentRoute: () => root,
  path: '/system',
  validateSearch: search => texts(search, 'tab', 'topics'),
  component: lazyRouteComponent(() => import('../screens/system/system-screen.tsx'), 'SystemScreen'),
})

/** One build works under any path prefix: `<base href>` contains it. */
export const makeRouter = (history?: RouterHistory) =>
  createRouter({
    routeTree: root.addChildren([fleet, needsYou, agent, tasks, task, commands, command, system]),
    basepath: history === undefined ? new URL(document.baseURI).pathname : '/',
    defaultPreload: 'intent',
    scrollRestoration: true,
    ...(history !== undefined && { history }),
  })

export type Router = ReturnType<typeof makeRouter>

declare module '@tanstack/react-router' {
  interface Register {
    router: Router
  }
}
