/** What src/dashboard/README.md says the server takes and answers, as types. */

export interface Right {
  verb: string;
  group: string;
  resource: string;
  name: string | null;
  namespace: string | null;
}

export interface Problem {
  message: string;
  field: string | null;
  fields: Record<string, string>;
  reason: string;
  right: Right | null;
}

export interface Items<Item> {
  items: Item[];
}

export interface Session {
  user: string;
  namespace: string;
  baseDomain: string;
  column: string;
  instructor: boolean;
  canCreateProject: boolean;
  signIn: string;
  signOut: string;
  loginCommand: string;
}

export interface Package {
  name: string;
  version: string;
}

export interface ImageVersion {
  tag: string;
  image: string;
  recommended: boolean;
  available: boolean;
  message: string | null;
  software: Package[];
  packages: Package[];
}

export interface NotebookImage {
  stream: string;
  displayName: string;
  description: string;
  order: number;
  gpu: boolean;
  versions: ImageVersion[];
}

export interface Amounts {
  cpu: string;
  memory: string;
}

export interface Size {
  name: string;
  requests: Amounts;
  limits: Amounts;
}

export type Platform = "multi" | "single";

export interface ModelFormat {
  name: string;
  version: string | null;
}

export interface Runtime {
  template: string;
  name: string;
  displayName: string;
  platforms: Platform[];
  protocol: string;
  formats: ModelFormat[];
  default: boolean;
}

export interface StorageClass {
  name: string;
  displayName: string;
  description: string;
  enabled: boolean;
  default: boolean;
  canGrow: boolean;
}

export interface Accelerator {
  identifier: string;
  displayName: string;
  available: number;
}

export interface Catalogue {
  images: NotebookImage[];
  sizes: Size[];
  modelSizes: Size[];
  runtimes: Runtime[];
  storageClasses: StorageClass[];
  accelerators: Accelerator[];
  defaultStorageGiB: number;
  serverReplicas: { minimum: number; default: number };
}

export type Ability = "edit" | "delete" | "share" | "write" | "serve" | "bind";

export interface Project {
  name: string;
  displayName: string;
  description: string | null;
  owner: string | null;
  created: string;
  platform: Platform | null;
  workbenches: { name: string; displayName: string; word: Word; url: string | null }[];
  counts?: Record<"workbenches" | "storages" | "connections" | "servers" | "models", number>;
  can: Partial<Record<Ability, boolean>>;
  reasons: Partial<Record<Ability, string | null>>;
}

export type Word = "Starting" | "Running" | "Stopping" | "Stopped" | "Failed";
export type StepState = "pending" | "progress" | "done" | "failed";

export interface WorkbenchStatus {
  word: Word;
  percent: number;
  message: string | null;
  cause: string | null;
  steps: { label: string; state: StepState }[];
  events: { time: string; type: string; reason: string; message: string }[];
}

export interface Variables {
  kind: "secret" | "configmap";
  name?: string | null;
  values: Record<string, string>;
}

export interface ConnectionForm {
  displayName: string;
  accessKey: string;
  secretKey: string;
  endpoint: string;
  region: string;
  bucket: string;
  workbenches: string[];
}

export type ConnectionChoice =
  | { mode: "existing"; name: string }
  | ({ mode: "new" } & ConnectionForm);

export interface WorkbenchForm {
  displayName: string;
  name?: string | null;
  description: string | null;
  image: { stream: string; tag: string };
  size: string;
  accelerator: { identifier: string; count: number } | null;
  variables: Variables[];
  storage:
    | {
        mode: "new";
        displayName: string;
        description: string;
        sizeGiB: number;
        storageClass?: string | null;
      }
    | { mode: "existing"; name: string };
  connection: ConnectionChoice | null;
  resourceVersion?: string;
}

export interface Workbench {
  name: string;
  displayName: string;
  description: string | null;
  created: string;
  resourceVersion: string;
  image: {
    stream: string;
    tag: string;
    displayName: string;
    available: boolean;
    software: Package[];
    packages: Package[];
  };
  size: Size;
  accelerator: { identifier: string; count: number } | null;
  status: WorkbenchStatus;
  url: string | null;
  storages: {
    name: string;
    displayName: string;
    sizeGiB: number | null;
    path: string;
    root: boolean;
  }[];
  connections: { name: string; displayName: string }[];
  variables: { kind: "secret" | "configmap"; name: string; keys: string[] }[];
}

export interface StorageForm {
  displayName: string;
  name?: string | null;
  description: string | null;
  sizeGiB: number;
  storageClass?: string | null;
  workbenches: { name: string; folder: string }[];
}

export interface Storage {
  name: string;
  displayName: string;
  description: string | null;
  sizeGiB: number;
  storageClass: string | null;
  type: string;
  phase: string;
  canGrow: boolean;
  growReason: string | null;
  root: boolean;
  connected: {
    kind: string;
    name: string;
    displayName: string;
    path: string;
    root: boolean;
    running: boolean;
  }[];
  created: string;
}

export interface Connection {
  name: string;
  displayName: string;
  type: string;
  endpoint: string | null;
  region: string | null;
  bucket: string | null;
  fault: string | null;
  connected: { kind: "workbench" | "model" | "pipelines"; name: string; displayName: string }[];
  created: string;
}

export interface Trial {
  ok: boolean;
  message: string;
  field: string | null;
  fields: Record<string, string>;
}

export interface Folder {
  path: string;
  folders: string[];
  files: { name: string; size: number }[];
  more: boolean;
}

export interface ServingFields {
  replicas: number;
  size: string;
  custom?: { requests: Amounts; limits: Amounts };
  route: boolean;
  auth: boolean;
  tokens: string[];
}

export interface ServerForm extends ServingFields {
  displayName?: string;
  name?: string | null;
  template?: string | null;
}

export interface Token {
  name: string;
  secret: string;
  ready: boolean;
}

export interface Server {
  name: string;
  displayName: string;
  created: string;
  runtime: { template: string | null; displayName: string; formats: ModelFormat[] };
  replicas: number;
  size: Size;
  route: boolean;
  auth: boolean;
  tokens: Token[];
  models: string[];
}

export interface ModelForm extends Partial<ServingFields> {
  displayName: string;
  name?: string | null;
  format: ModelFormat;
  connection: ConnectionChoice;
  path: string;
  server?: string;
  template?: string;
}

export interface Model {
  name: string;
  displayName: string;
  created: string;
  platform: Platform;
  server: string | null;
  format: ModelFormat;
  connection: { name: string; displayName: string } | null;
  path: string | null;
  protocol: string | null;
  endpoints: {
    internal: { name: string; url: string }[];
    external: string | null;
    message: string | null;
  };
  status: {
    state: "Loaded" | "Standby" | "Pending" | "Loading" | "FailedToLoad" | "Unknown";
    word: string;
    message: string | null;
    cause: string | null;
  };
  runtime?: { template: string | null; displayName: string; formats: ModelFormat[] } | null;
  replicas?: number;
  size?: Size;
  route?: boolean;
  auth?: boolean;
  tokens?: Token[];
}

export interface Models extends Items<Model> {
  platform: Platform | null;
  servers: Server[];
}

export interface PipelineServer {
  name: string;
  state: "starting" | "ready" | "failed" | "unsupported";
  message: string | null;
  cause: string | null;
  url: string | null;
  bucket: string | null;
  endpoint: string | null;
}

export interface Pipeline {
  id: string;
  displayName: string;
  description: string | null;
  created: string;
  /** null in a list, where the pipelines API does not count them. */
  versions: number | null;
}

export interface PipelineParameter {
  name: string;
  type: string;
  default: unknown;
  optional: boolean;
  description: string | null;
}

export interface PipelineDetails extends Omit<Pipeline, "versions"> {
  versions: {
    id: string;
    displayName: string;
    created: string;
    parameters: PipelineParameter[];
  }[];
}

export interface Pipelines extends Items<Pipeline> {
  server: PipelineServer | null;
}

export interface Run {
  id: string;
  displayName: string;
  state: string | null;
  created: string;
  finished: string | null;
  url: string | null;
}

export interface RunForm {
  displayName: string;
  description: string;
  pipeline: string;
  version: string;
  parameters: Record<string, unknown>;
}

export type Trigger = { kind: "periodic"; seconds: number } | { kind: "cron"; cron: string };

export interface ScheduleForm extends RunForm {
  trigger: Trigger;
  maximumConcurrent: number;
  start: string | null;
  end: string | null;
  catchUp: boolean;
}

export interface Schedule {
  id: string;
  displayName: string;
  enabled: boolean;
  trigger: Trigger | null;
  created: string;
  next: string | null;
}

export interface Permission {
  name: string;
  kind: "User" | "Group";
  subject: string;
  role: "admin" | "edit";
  created: string;
  fixed: boolean;
}

export interface GuideSeat {
  namespace: string;
  baseDomain: string;
  addresses: Record<"dashboard" | "workbench" | "pipelines" | "store" | "page", string | null>;
}

export interface WorkCheck {
  title: string;
  ok: boolean;
  cause: string | null;
  remedy: string | null;
}

export interface PartChecked {
  part: number;
  ok: boolean;
  seconds: number;
  items: WorkCheck[];
  leftOut: string[];
}

export interface Message {
  text: string;
  sent: string;
}

export interface SeatRow {
  namespace: string;
  learner: string;
  name: string;
  step: string;
  /** The step's place on the way; 0 is not begun. */
  number: number;
  label: string;
  since: string | null;
  error: string | null;
  lastActivity: string | null;
  /** Millicores. */
  cpu: number;
  /** Bytes. */
  memory: number;
  workbench: { name: string; word: string; busy: boolean; started: string | null; url: string | null } | null;
  url: string;
  message: Message | null;
}

export interface ClassBoard {
  steps: { key: string; label: string }[];
  seats: SeatRow[];
  /** Whether every seat's services have answered. */
  whole: boolean;
}

export interface SeatMessage extends Message {
  namespace: string;
}
