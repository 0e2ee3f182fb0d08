/** What every page stands in: masthead with user and Log out, navigation, banner, messages. */
import { lazy, type ReactNode, Suspense, useState } from "react";
import BarsIcon from "@patternfly/react-icons/dist/dynamic/icons/bars-icon";
import BookOpenIcon from "@patternfly/react-icons/dist/dynamic/icons/book-open-icon";
import MoonIcon from "@patternfly/react-icons/dist/dynamic/icons/moon-icon";
import QuestionCircleIcon from "@patternfly/react-icons/dist/dynamic/icons/question-circle-icon";
import SunIcon from "@patternfly/react-icons/dist/dynamic/icons/sun-icon";
import UserIcon from "@patternfly/react-icons/dist/dynamic/icons/user-icon";
import {
  Button,
  Drawer,
  DrawerContent,
  DrawerContentBody,
  DrawerPanelContent,
  Dropdown,
  DropdownItem,
  DropdownList,
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadLogo,
  MastheadMain,
  MastheadToggle,
  MenuToggle,
  Nav,
  NavExpandable,
  NavItem,
  NavList,
  Page,
  PageSidebar,
  PageSidebarBody,
  PageToggleButton,
  SkipToContent,
  Toolbar,
  ToolbarContent,
  ToolbarGroup,
  ToolbarItem,
} from "../pf";
import { showGuide, useGuideOpen } from "../guide/open";
import { follow, usePlace } from "../router";
import { useSession } from "../session";
import { LostBanner } from "./LostBanner";
import { Messages } from "./Messages";
import { chooseTheme, useTheme } from "./theme";
import { Toasts } from "./toasts";

// The guide comes when it is opened: most pages are looked at without it.
const Guide = lazy(() => import("../guide/Guide"));

export function Shell({ children }: { children: ReactNode }) {
  const skip = (event: React.MouseEvent) => {
    event.preventDefault();
    document.getElementById("main")?.focus();
  };
  const open = useGuideOpen();
  const guide = (
    <Suspense fallback={<DrawerPanelContent />}>
      <Guide />
    </Suspense>
  );
  return (
    <Toasts>
      <Drawer isInline isExpanded={open}>
        <DrawerContent panelContent={open ? guide : null}>
          <DrawerContentBody>
            <Page
              isManagedSidebar
              masthead={<Header />}
              sidebar={<Sidebar />}
              skipToContent={
                <SkipToContent href="#main" onClick={skip}>
                  Skip to content
                </SkipToContent>
              }
              mainContainerId="main"
              mainTabIndex={-1}
              isContentFilled
            >
              <LostBanner />
              <Messages />
              {children}
            </Page>
          </DrawerContentBody>
        </DrawerContent>
      </Drawer>
    </Toasts>
  );
}

function Header() {
  return (
    <Masthead>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton
            variant="plain"
            aria-label="Global navigation"
            id="nav-toggle"
            icon={<BarsIcon />}
          />
        </MastheadToggle>
        <MastheadBrand>
          <MastheadLogo
            component={(properties) => (
              <a {...properties} href="/projects" className="brand" onClick={follow} />
            )}
          >
            <img src="/icon.svg" alt="" />
            <span>MNIST lab</span>
          </MastheadLogo>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <Toolbar isFullHeight isStatic>
          <ToolbarContent>
            <ToolbarGroup align={{ default: "alignEnd" }} variant="action-group-plain">
              <GuideButton />
              <ThemeButton />
              <ToolbarItem>
                <Button
                  component="a"
                  href="/help"
                  variant="plain"
                  aria-label="Help: which word newer versions use"
                  icon={<QuestionCircleIcon />}
                  onClick={follow}
                />
              </ToolbarItem>
              <ToolbarItem>
                <UserMenu />
              </ToolbarItem>
            </ToolbarGroup>
          </ToolbarContent>
        </Toolbar>
      </MastheadContent>
    </Masthead>
  );
}

function GuideButton() {
  const open = useGuideOpen();
  return (
    <ToolbarItem>
      <Button
        variant="plain"
        aria-label={open ? "Close the guide" : "Open the guide"}
        aria-expanded={open}
        icon={<BookOpenIcon />}
        onClick={() => showGuide(!open)}
      />
    </ToolbarItem>
  );
}

function ThemeButton() {
  const now = useTheme();
  const other = now === "dark" ? "light" : "dark";
  return (
    <ToolbarItem>
      <Button
        variant="plain"
        aria-label={`Use the ${other} theme`}
        icon={now === "dark" ? <SunIcon /> : <MoonIcon />}
        onClick={() => chooseTheme(other)}
      />
    </ToolbarItem>
  );
}

function UserMenu() {
  const session = useSession();
  const [open, setOpen] = useState(false);
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      popperProps={{ position: "right" }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          isExpanded={open}
          icon={<UserIcon />}
          aria-label={`User menu of ${session.user}`}
          onClick={() => setOpen(!open)}
        >
          <span className="user-name">{session.user}</span>
        </MenuToggle>
      )}
    >
      <DropdownList>
        {session.loginCommand && (
          <DropdownItem key="command" to={session.loginCommand} target="_blank" rel="noreferrer">
            Copy login command
          </DropdownItem>
        )}
        <DropdownItem key="out" onClick={() => signOut(session.signOut)}>
          Log out
        </DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}

function signOut(action: string): void {
  const form = document.createElement("form");
  form.method = "post";
  form.action = action;
  document.body.append(form);
  form.submit();
}

interface Item {
  to: string;
  label: string;
}

const ITEMS: Item[] = [
  { to: "/projects", label: "Data Science Projects" },
  { to: "/pipelines", label: "Data Science Pipelines" },
  { to: "/modelServing", label: "Model Serving" },
];

const SETTINGS: Item[] = [
  { to: "/notebookImages", label: "Notebook images" },
  { to: "/clusterSettings", label: "Cluster settings" },
  { to: "/servingRuntimes", label: "Serving runtimes" },
];

function Sidebar() {
  const { path } = usePlace();
  const { instructor } = useSession();
  const isActive = (to: string) => path === to || path.startsWith(`${to}/`);
  const item = ({ to, label }: Item) => (
    <NavItem key={to} itemId={to} to={to} isActive={isActive(to)} onClick={followItem}>
      {label}
    </NavItem>
  );
  return (
    <PageSidebar>
      <PageSidebarBody>
        <Nav aria-label="Global navigation">
          <NavList>
            {ITEMS.map(item)}
            {instructor && item({ to: "/class", label: "Class" })}
            {instructor && (
              <NavExpandable
                title="Settings"
                isActive={SETTINGS.some(({ to }) => isActive(to))}
                isExpanded={SETTINGS.some(({ to }) => isActive(to))}
              >
                {SETTINGS.map(item)}
              </NavExpandable>
            )}
            {item({ to: "/help", label: "Help" })}
          </NavList>
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}

function followItem(event: React.FormEvent<HTMLInputElement> | React.MouseEvent): void {
  follow(event as unknown as React.MouseEvent<HTMLElement>);
}

