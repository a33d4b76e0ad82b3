import { Page } from '../../ui/page.tsx'

export function CommandsScreen() {
  return <Page title="Commands">{null}</Page>
}
