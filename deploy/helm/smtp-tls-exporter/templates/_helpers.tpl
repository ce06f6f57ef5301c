{{- define "smtp-tls.fullname" -}}
{{- $usual := ternary .Release.Name (printf "%s-smtp-tls" .Release.Name) (contains "smtp-tls" .Release.Name) -}}
{{- .Values.fullnameOverride | default $usual | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "smtp-tls.prober" -}}
{{ include "smtp-tls.fullname" . }}-prober
{{- end }}

{{/* What a workload's pods are found by. Takes the root and the component. */}}
{{- define "smtp-tls.selector" -}}
app.kubernetes.io/name: smtp-tls-exporter
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "smtp-tls.labels" -}}
{{ include "smtp-tls.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The configuration and the files beside it. Takes the root, the component, the name and the part of the values. */}}
{{- define "smtp-tls.configuration" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
  labels:
    {{- include "smtp-tls.labels" . | nindent 4 }}
data:
  config.yaml: |
    {{- toYaml .part.config | nindent 4 }}
  {{- range $name, $text := .part.files }}
  {{ $name | quote }}: {{ $text | quote }}
  {{- end }}
{{- with .part.binaryFiles }}
binaryData:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The pods of a workload. Takes the root, the component, the name, the part of the values, and the flags beside the configuration. */}}
{{- define "smtp-tls.pod" -}}
{{- $pod := .root.Values.pod -}}
metadata:
  labels:
    {{- include "smtp-tls.selector" . | nindent 4 }}
    {{- with $pod.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $pod.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "smtp-tls.fullname" .root }}
  automountServiceAccountToken: false
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    {{- if .storage }}
    fsGroup: 65532
    {{- end }}
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: exporter
      image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args:
        - --config.file=/etc/smtp-tls-exporter/config.yaml
        {{- range concat .flags .part.args }}
        - {{ . | quote }}
        {{- end }}
      {{- if .sharded }}
      env:
        - name: SHARD
          valueFrom:
            fieldRef: {fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']"}
      {{- end }}
      ports:
        - {name: http, containerPort: 10465}
      livenessProbe:
        httpGet: {path: /-/healthy, port: http}
        periodSeconds: 30
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /-/ready, port: http}
        periodSeconds: 5
      resources:
        {{- toYaml .part.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: config, mountPath: /etc/smtp-tls-exporter, readOnly: true}
        - {name: tmp, mountPath: /tmp}
        {{- if .part.secretName }}
        - {name: secrets, mountPath: /etc/smtp-tls-secrets, readOnly: true}
        {{- end }}
        {{- if .storage }}
        - {name: storage, mountPath: /var/lib/smtp-tls-exporter}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ .name }}}
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    {{- with .part.secretName }}
    - name: secrets
      secret: {secretName: {{ . }}}
    {{- end }}
  {{- with $pod.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $pod.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $pod.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $pod.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
{{- end }}
