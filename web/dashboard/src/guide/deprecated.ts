/** What `@patternfly/quickstarts` takes of PatternFly's older components: see build.mjs. */
export * from "@patternfly/react-core/dist/dynamic/deprecated/components/Modal";
