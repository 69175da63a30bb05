package socket

import "scenecast/websocket"

// decoders are those of the sockets of which a message is incomplete.
type decoders struct {
	all  []websocket.Decoder
	free []uint32
}

// add keeps a decoder's state, and says where: 1 + its number.
func (d *decoders) add(state websocket.Decoder) uint32 {
	if n := len(d.free); n > 0 {
		number := d.free[n-1]
		d.free = d.free[:n-1]
		d.all[number-1] = state
		return number
	}
	d.all = append(d.all, state)
	return uint32(len(d.all))
}

func (d *decoders) at(number uint32) *websocket.Decoder { return &d.all[number-1] }

func (d *decoders) remove(number uint32) {
	d.all[number-1] = websocket.Decoder{}
	d.free = append(d.free, number)
}
