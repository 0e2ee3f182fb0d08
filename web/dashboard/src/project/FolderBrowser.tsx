/** The folders of a bucket, to choose a model's path from. */
import { useState } from "react";
import FileIcon from "@patternfly/react-icons/dist/dynamic/icons/file-icon";
import FolderIcon from "@patternfly/react-icons/dist/dynamic/icons/folder-icon";
import { at } from "../api/client";
import { useRead } from "../api/useRead";
import type { Connection, Folder } from "../api/types";
import { Shown } from "../parts/common";
import { Breadcrumb, BreadcrumbItem, Button } from "../pf";
import { Table, Tbody, Td, Th, Thead, Tr } from "../pf";

export function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = -1;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

const lastPart = (path: string) => path.replace(/\/$/, "").split("/").pop() ?? path;

export function FolderBrowser({ project, connection, onChosen }: {
  project: string;
  connection: Connection;
  onChosen: (path: string) => void;
}) {
  const [path, setPath] = useState("");
  const query = `?path=${encodeURIComponent(path)}`;
  const { data, failure } = useRead<Folder>(at(project, "connections", connection.name, "folders") + query);
  const parts = path.split("/").filter(Boolean);
  const open = (name: string) => setPath(`${path}${lastPart(name)}/`);
  return (
    <div className="boxed">
      <Breadcrumb aria-label="Folder">
        <BreadcrumbItem component="button" onClick={() => setPath("")}>
          {connection.bucket}
        </BreadcrumbItem>
        {parts.map((part, index) => (
          <BreadcrumbItem
            key={index}
            component="button"
            onClick={() => setPath(`${parts.slice(0, index + 1).join("/")}/`)}
          >
            {part}
          </BreadcrumbItem>
        ))}
      </Breadcrumb>
      <Shown data={data} failure={failure} what="the folder">
        {({ folders, files, more }) => (
          <div className="folders" tabIndex={0} role="region" aria-label="Folders and files">
            <Table aria-label="Folders and files" variant="compact" borders={false} gridBreakPoint="">
              <Thead>
                <Tr>
                  <Th modifier="wrap">Name</Th>
                  <Th modifier="wrap">Size</Th>
                </Tr>
              </Thead>
              <Tbody>
                {folders.map((name) => (
                  <Tr key={name}>
                    <Td>
                      <Button variant="link" isInline icon={<FolderIcon />} onClick={() => open(name)}>
                        {lastPart(name)}
                      </Button>
                    </Td>
                    <Td>-</Td>
                  </Tr>
                ))}
                {files.map(({ name, size }) => (
                  <Tr key={name}>
                    <Td>
                      <Button
                        variant="link"
                        isInline
                        icon={<FileIcon />}
                        onClick={() => onChosen(path + lastPart(name))}
                      >
                        {lastPart(name)}
                      </Button>
                    </Td>
                    <Td>{sizeOf(size)}</Td>
                  </Tr>
                ))}
                {folders.length + files.length === 0 && (
                  <Tr>
                    <Td colSpan={2}>This folder is empty.</Td>
                  </Tr>
                )}
                {more && (
                  <Tr>
                    <Td colSpan={2}>There is more than is shown: type the path.</Td>
                  </Tr>
                )}
              </Tbody>
            </Table>
          </div>
        )}
      </Shown>
      <div>
        <Button variant="link" isInline isDisabled={path === ""} onClick={() => onChosen(path.replace(/\/$/, ""))}>
          Use this folder
        </Button>
      </div>
    </div>
  );
}
