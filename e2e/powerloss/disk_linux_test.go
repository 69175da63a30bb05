package powerloss

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// disk is a file system over a directory that forgets at a power cut what was written and not synced. What is written goes to the
// directory, and what was there before is kept, until the file is synced or the power is cut. Names (that a file was made, renamed or
// removed) are never forgotten: so a file that was renamed before it was synced is there and empty, as on real disks.
type disk struct {
	t       *testing.T
	backing string
	path    string // where it is mounted
	server  *fuse.Server

	mu      sync.Mutex
	written map[uint64]*unsynced // by inode
	syncs   int
	dropped int // bytes
}

// unsynced is what a file was before it was written to.
type unsynced struct {
	file   *os.File
	before []extent // to be put back from the last one to the first
}

type extent struct {
	offset int64
	bytes  []byte
	size   int64 // of the file
}

// newDisk mounts a disk until the test ends.
func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{t: t, backing: t.TempDir(), path: t.TempDir(), written: make(map[uint64]*unsynced)}
	if err := d.mount(); err != nil {
		t.Skipf("no file system can be mounted by FUSE here, so no power was cut: %v", err)
	}
	t.Cleanup(func() { _ = d.server.Unmount() })
	return d
}

func (d *disk) mount() (err error) {
	root := &fs.LoopbackRoot{Path: d.backing}
	top := &node{&fs.LoopbackNode{RootData: root}, d}
	root.RootNode = top
	d.server, err = fs.Mount(d.path, top, &fs.Options{MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "powerloss", Name: "powerloss"}})
	return err
}

// cutPower forgets what was not synced. Nobody must have a file open.
func (d *disk) cutPower() {
	d.t.Helper()
	if err := d.server.Unmount(); err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	for inode, u := range d.written {
		for i := len(u.before) - 1; i >= 0; i-- {
			e := u.before[i]
			if info, err := u.file.Stat(); err == nil && info.Size() > e.size {
				d.dropped += int(info.Size() - e.size)
			}
			if _, err := u.file.WriteAt(e.bytes, e.offset); err != nil {
				d.t.Error(err)
			}
			if err := u.file.Truncate(e.size); err != nil {
				d.t.Error(err)
			}
		}
		_ = u.file.Close()
		delete(d.written, inode)
	}
	d.mu.Unlock()
	if err := d.mount(); err != nil {
		d.t.Fatal(err)
	}
}

// remember keeps what a file has from an offset on, before it is written or cut off there.
func (d *disk) remember(inode uint64, path string, offset int64, length int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.written[inode]
	if u == nil {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		u = &unsynced{file: f}
		d.written[inode] = u
	}
	info, err := u.file.Stat()
	if err != nil {
		return err
	}
	e := extent{offset: offset, size: info.Size()}
	if n := min(length, e.size-offset); n > 0 {
		e.bytes = make([]byte, n)
		if _, err := u.file.ReadAt(e.bytes, offset); err != nil {
			return err
		}
	}
	u.before = append(u.before, e)
	return nil
}

// synced notes that a file is on the disk as it is.
func (d *disk) synced(inode uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	if u := d.written[inode]; u != nil {
		_ = u.file.Close()
		delete(d.written, inode)
	}
}

// node is a file or a directory.
type node struct {
	*fs.LoopbackNode
	disk *disk
}

var (
	_ fs.NodeWrapChilder    = (*node)(nil)
	_ fs.NodeOpener         = (*node)(nil)
	_ fs.NodeCreater        = (*node)(nil)
	_ fs.NodeSetattrer      = (*node)(nil)
	_ fs.NodeCopyFileRanger = (*node)(nil)
	_ fs.FileReader         = (*file)(nil)
	_ fs.FileWriter         = (*file)(nil)
	_ fs.FileFsyncer        = (*file)(nil)
	_ fs.FileFlusher        = (*file)(nil)
	_ fs.FileReleaser       = (*file)(nil)
)

// WrapChild implements fs.NodeWrapChilder.
func (n *node) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{child.(*fs.LoopbackNode), n.disk}
}

func (n *node) where() string { return filepath.Join(n.disk.backing, n.Path(n.Root())) }

// Open implements fs.NodeOpener.
func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return n.disk.open(n.StableAttr().Ino, n.where(), flags)
}

// Create implements fs.NodeCreater.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	inode, handle, _, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	_ = handle.(fs.FileReleaser).Release(ctx)
	own, options, errno := n.disk.open(inode.StableAttr().Ino, filepath.Join(n.where(), name), flags&^uint32(os.O_EXCL))
	return inode, own, options, errno
}

// Setattr implements fs.NodeSetattrer.
func (n *node) Setattr(ctx context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if err := n.disk.remember(n.StableAttr().Ino, n.where(), int64(size), 1<<40); err != nil {
			return fs.ToErrno(err)
		}
	}
	return n.LoopbackNode.Setattr(ctx, nil, in, out)
}

// CopyFileRange implements fs.NodeCopyFileRanger: what copies must write.
func (n *node) CopyFileRange(context.Context, fs.FileHandle, uint64, *fs.Inode, fs.FileHandle, uint64, uint64, uint64) (uint32, syscall.Errno) {
	return 0, syscall.ENOSYS
}

// file is one that is open.
type file struct {
	*os.File
	disk  *disk
	inode uint64
	sync  bool // each write is synced
}

func (d *disk) open(inode uint64, path string, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&uint32(os.O_TRUNC) != 0 {
		if err := d.remember(inode, path, 0, 1<<40); err != nil {
			return nil, 0, fs.ToErrno(err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|int(flags)&os.O_TRUNC, 0)
	if err != nil {
		if f, err = os.Open(path); err != nil { // one that is for reading
			return nil, 0, fs.ToErrno(err)
		}
	}
	return &file{f, d, inode, flags&(syscall.O_SYNC|syscall.O_DSYNC) != 0}, 0, 0
}

// Read implements fs.FileReader.
func (f *file) Read(_ context.Context, into []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	n, err := f.ReadAt(into, offset)
	if n > 0 || err == nil {
		return fuse.ReadResultData(into[:n]), 0
	}
	return fuse.ReadResultData(nil), 0 // the end
}

// Write implements fs.FileWriter.
func (f *file) Write(_ context.Context, data []byte, offset int64) (uint32, syscall.Errno) {
	if !f.sync {
		itself := fmt.Sprintf("/proc/self/fd/%d", f.Fd()) // it may have another name by now
		if err := f.disk.remember(f.inode, itself, offset, int64(len(data))); err != nil {
			return 0, fs.ToErrno(err)
		}
	}
	n, err := f.WriteAt(data, offset)
	return uint32(n), fs.ToErrno(err)
}

// Fsync implements fs.FileFsyncer.
func (f *file) Fsync(context.Context, uint32) syscall.Errno {
	f.disk.synced(f.inode)
	return 0
}

// Flush implements fs.FileFlusher. That a file is closed syncs nothing.
func (f *file) Flush(context.Context) syscall.Errno { return 0 }

// Release implements fs.FileReleaser.
func (f *file) Release(context.Context) syscall.Errno { return fs.ToErrno(f.Close()) }
