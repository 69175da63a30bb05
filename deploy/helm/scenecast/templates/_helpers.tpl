{{- define "scenecast.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- define "scenecast.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "scenecast.labels" -}}
{{ include "scenecast.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
{{- define "scenecast.secret" -}}
{{ .Values.existingSecret | default (include "scenecast.name" .) }}
{{- end }}
{{- /* Not empty where the nodes are a NATS themselves. */ -}}
{{- define "scenecast.embedded" -}}
{{- if and (eq .Values.engine "nats") (not (dig "nats" "url" "" .Values.config)) }}yes{{ end }}
{{- end }}
{{- /* Not empty where they keep something that survives a pod. */ -}}
{{- define "scenecast.persistent" -}}
{{- if or (include "scenecast.embedded" .) .Values.config.data_dir }}yes{{ end }}
{{- end }}
{{- /* Not empty where they also speak with each other. */ -}}
{{- define "scenecast.clustered" -}}
{{- if and (include "scenecast.embedded" .) (gt (int .Values.replicas) 1) }}yes{{ end }}
{{- end }}
