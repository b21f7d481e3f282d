-- One statement per line, because MariaDB's --init-file reads line by line.
CREATE DATABASE IF NOT EXISTS ticketing CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER IF NOT EXISTS 'terminal'@'%' IDENTIFIED BY 'terminal';
GRANT ALL ON ticketing.* TO 'terminal'@'%';
CREATE USER IF NOT EXISTS 'query'@'%' IDENTIFIED BY 'query';
GRANT SELECT ON ticketing.* TO 'query'@'%';
