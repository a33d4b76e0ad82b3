import { Page } from '../../ui/page.tsx'

export function FleetScreen() {
  return <Page title="Fleet">{null}</Page>
}
