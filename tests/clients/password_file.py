"""Password files as operators make them: with htpasswd, bcrypt at its lowest cost."""

import subprocess

import secret_watch


def write_htpasswd(file, passwords):
    """Writes a file with these names and their passwords."""
    lines = []
    for name, password in passwords.items():
        secret_watch.register_login(name, password)
        made = subprocess.run(["htpasswd", "-niBC", "5", name], input=password, text=True,
                              capture_output=True, check=True)
        lines.append(made.stdout.strip() + "\n")
    file.write_text("".join(lines))
