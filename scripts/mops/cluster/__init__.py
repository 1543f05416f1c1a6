"""The cluster: names, values of the charts, Helm, pods, certificates, and what their errors mean."""
