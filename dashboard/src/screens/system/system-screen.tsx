import { useNavigate, useSearch } from '@tanstack/react-router'
import { Page } from '../../ui/page.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Connections } from './connections.tsx'
import { Events } from './events.tsx'
import { Health } from './health.tsx'
import { ThisBrowser } from './this-browser.tsx'
import { Tokens } from './tokens.tsx'

const tabs = [
  { value: 'health', label: 'Health', content: <Health /> },
  { value: 'connections', label: 'Connections', content: <Connections /> },
  { value: 'tokens', label: 'Tokens', content: <Tokens /> },
  { value: 'events', label: 'Events', content: <Events /> },
  { value: 'browser', label: 'This browser', content: <ThisBrowser /> },
] as const

type TabName = (typeof tabs)[number]['value']

export function SystemScreen() {
  const { tab } = useSearch({ from: '/system' })
  const navigate = useNavigate({ from: '/system' })
  const value = tabs.some(one => one.value === tab) ? (tab as TabName) : 'health'
  return (
    <Page title="System" scrolls={false}>
      <Tabs<TabName>
        label="System"
        value={value}
        tabs={tabs}
        onChange={next => void navigate({ search: before => ({ ...before, tab: next }), replace: true })}
      />
    </Page>
  )
}
